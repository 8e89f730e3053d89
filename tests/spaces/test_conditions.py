from hyperopt import hp

from metaopt.spaces import compile_space
from metaopt.spaces.conditions import ALWAYS, Conditions
from tests.spaces.examples import EXAMPLES


def conditions(space: object) -> dict[str, Conditions]:
    return {one.label: one.conditions for one in compile_space(space).parameters}


def either(*alternatives: dict[str, int]) -> Conditions:
    return frozenset(frozenset(one.items()) for one in alternatives)


def test_nested_parameter_depends_on_all_enclosing_choices() -> None:
    found = conditions(EXAMPLES["nested"]())
    assert found["model"] == ALWAYS
    assert found["layers"] == either({"model": 1})
    assert found["two_b"] == either({"model": 1, "layers": 1})
    assert found["two_c"] == either({"model": 1, "layers": 1, "two_b": 1})


def test_shared_parameter_has_alternative_conditions() -> None:
    found = conditions(EXAMPLES["shared"]())
    assert found["inner"] == either({"first": 0}, {"second": 0})
    assert found["depth"] == either({"first": 0, "inner": 1}, {"second": 0, "inner": 1})
    assert found["width"] == either({"first": 0}, {"first": 1}, {"second": 0}, {"second": 2})


def test_parameter_of_all_options_is_always_active() -> None:
    x = hp.uniform("x", 0, 1)
    assert conditions(hp.choice("c", [x, [x], {"x": x}]))["x"] == ALWAYS


def test_parameter_also_used_outside_a_choice_is_always_active() -> None:
    x = hp.uniform("x", 0, 1)
    assert conditions([hp.choice("c", [x, None]), x])["x"] == ALWAYS


def test_shared_blocks_are_active_from_their_depth_on() -> None:
    found = conditions(EXAMPLES["blocks"]())
    assert found["filters0"] == ALWAYS
    assert found["filters3"] == either(*({"depth": depth} for depth in (3, 4, 5)))


def test_choices_precede_the_parameters_of_their_options() -> None:
    for name in ("nested", "shared", "blocks"):
        order = list(conditions(EXAMPLES[name]()))
        for label, alternatives in conditions(EXAMPLES[name]()).items():
            for choice in {choice for one in alternatives for choice, _ in one} - {"second"}:
                assert order.index(choice) < order.index(label)


def test_exponentially_many_paths_are_simplified_fast() -> None:
    """Each level doubles the number of paths, but not the number of conditions."""
    expression = hp.uniform("x", 0, 1)
    for level in range(40):
        expression = hp.choice(f"c{level}", [expression, [expression]])
    assert conditions(expression)["x"] == ALWAYS
