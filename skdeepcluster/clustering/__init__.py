"""Classical clustering on the device, label bookkeeping and label-free scores."""
