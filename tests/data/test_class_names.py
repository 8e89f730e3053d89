import pytest

from metaopt.data import class_names

LISTS = {
    "DIGITS": 10,
    "FASHION_MNIST": 10,
    "CIFAR10": 10,
    "CIFAR100_FINE": 100,
    "CIFAR100_COARSE": 20,
}


@pytest.mark.parametrize(("name", "count"), LISTS.items())
def test_class_names_are_complete_and_unique(name: str, count: int) -> None:
    names = getattr(class_names, name)
    assert len(names) == len(set(names)) == count
    assert all(names)


@pytest.mark.parametrize("name", ["CIFAR10", "CIFAR100_FINE", "CIFAR100_COARSE"])
def test_cifar_labels_are_in_alphabetical_order(name: str) -> None:
    """The labels of CIFAR follow the alphabet, so a list out of order would name the wrong classes."""
    names = getattr(class_names, name)
    assert names == sorted(names)


def test_digits_are_named_by_their_value() -> None:
    assert class_names.DIGITS[7] == "7"
