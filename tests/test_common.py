"""Every check of scikit-learn, and the shared behaviour, on every estimator."""

from __future__ import annotations

import pytest
from sklearn.utils.estimator_checks import (
    check_param_validation,
    check_set_output_transform,
    check_set_output_transform_pandas,
    check_transformer_get_feature_names_out,
    parametrize_with_checks,
)

from skdeepcluster import methods


@parametrize_with_checks([getattr(methods, name)() for name in methods.__all__])
def test_sklearn_check(estimator, check):
    check(estimator)


@pytest.mark.parametrize(
    "check",
    [
        check_param_validation,
        check_set_output_transform,
        check_set_output_transform_pandas,
        check_transformer_get_feature_names_out,
    ],
)
def test_further_sklearn_check(Estimator, check):
    check(Estimator.__name__, Estimator(max_epochs=2))  # what comes out of training is no matter


def test_no_tag_excuses_the_estimator(Estimator):
    tags = Estimator().__sklearn_tags__()
    assert tags.input_tags.two_d_array
    assert not tags.non_deterministic
    assert not tags.no_validation
    assert not tags._skip_test
