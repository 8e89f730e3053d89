import pytest
from hypothesis import given
from hypothesis import strategies as st

from metaopt.blueprint import InvalidArchitecture
from metaopt.blueprint.sliding_window import compute_window_output, standardize_depthwise_window, standardize_window


@given(
    st.integers(1, 30), st.integers(1, 5), st.integers(1, 4), st.integers(1, 3), st.integers(0, 3), st.integers(1, 3)
)
def test_window_output_is_the_number_of_positions(length, window, stride, dilation, pad, rank):
    reach = dilation * (window - 1)
    fits = [start for start in range(0, length + 2 * pad, stride) if start + reach < length + 2 * pad]
    padding = ((pad, pad),) * rank if pad else "valid"
    sizes = [(each,) * rank for each in (length, window, stride, dilation)]
    output = compute_window_output(*sizes[:3], padding, sizes[3])
    assert output == (output[0],) * rank
    assert max(output[0], 0) == len(fits)


def test_same_padding_divides_by_the_strides() -> None:
    assert compute_window_output((9, 8), (3, 5), (2, 3), "same") == (5, 3)
    assert compute_window_output((9,), (3,), (2,), "same") == (5,)
    assert compute_window_output((9, 8, 4), (3, 5, 1), (2, 3, 4), "same") == (5, 3, 1)


def test_windows_become_pairs() -> None:
    assert standardize_window("Conv2D", 3, (1, 2), 1, 2) == ((3, 3), (1, 2), (1, 1))
    assert standardize_window("Conv2D", [3, 5.0], 1, 2, 2) == ((3, 5), (1, 1), (2, 2))
    assert standardize_depthwise_window("DepthwiseConv2D", 3, 2, 1, 2) == ((3, 3), (2, 2), (1, 1))


def test_strides_with_dilation_are_rejected() -> None:
    with pytest.raises(InvalidArchitecture, match="Expected strides or dilation_rate to be 1"):
        standardize_window("Conv2D", 3, 2, 2, 2)


def test_unequal_depthwise_strides_are_rejected() -> None:
    with pytest.raises(InvalidArchitecture, match="Expected equal strides"):
        standardize_depthwise_window("DepthwiseConv2D", 3, (1, 2), 1, 2)
