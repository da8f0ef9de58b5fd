"""Reading the caller's samples: layout, validation, scaling, and the way to the device."""
