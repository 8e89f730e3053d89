"""The space of augmentation policies, which problems nest into their own spaces."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hyperopt import hp

from metaopt.errors import UserError
from metaopt.problems import Problem, Training, list_ready_problems
from metaopt.problems.augmentation_policy import AugmentationPolicy
from metaopt.problems.unread import Unread, find_unread
from metaopt.spaces import compile_space
from metaopt.zoo import augmentation, photo_cnn


def draw_policies(space: Any, n: int = 200) -> list[AugmentationPolicy]:
    compiled = compile_space(space)
    rng = np.random.default_rng(0)
    return [augmentation.policy(compiled.point(compiled.draw(rng))) for _ in range(n)]


def test_each_strength_is_drawn_and_each_can_be_off() -> None:
    policies = draw_policies(augmentation.space())
    for name in vars(AugmentationPolicy()):
        values = [getattr(policy, name) for policy in policies]
        assert max(values) > 0, name
        assert min(values) == 0, name


def test_alternatives_exclude_each_other() -> None:
    for policy in draw_policies(augmentation.space()):
        assert not (policy.crop and (policy.shift or policy.zoom))
        assert not (policy.mixup and policy.cutmix)
        assert (policy.randaugment_count > 0) == (policy.randaugment_magnitude > 0)


def test_groups_can_be_left_out() -> None:
    policies = draw_policies(augmentation.space(groups=("colour", "mixing")))
    assert {name for policy in policies for name in policy.strengths} == {
        *("brightness", "contrast", "saturation"),
        *("mixup", "cutmix"),
    }
    with pytest.raises(UserError, match=r"Unknown group of the augmentation: color. Did you mean colour\?"):
        augmentation.space(groups=("color",))


def test_labels_begin_with_the_prefix() -> None:
    both = {"first": augmentation.space(), "second": augmentation.space("other")}
    labels = [each.label for each in compile_space(both).parameters]
    assert len(set(labels)) == len(labels)
    assert {label.partition("_")[0] for label in labels} == {"augmentation", "other"}


def test_a_problem_nests_the_space_with_two_lines() -> None:
    space = {name: each for name, each in photo_cnn.space.items() if name != "mixup"}
    space["augmentation"] = augmentation.space()

    def training(point: Any) -> Training:
        return replace(photo_cnn.training(point), augmentation=augmentation.policy(point["augmentation"]))

    problem = Problem(space, photo_cnn.network, training)
    compiled = compile_space(space)
    point = compiled.point(compiled.draw(np.random.default_rng(0)))
    assert problem.training_of(point).augmentation == augmentation.policy(point["augmentation"])
    assert find_unread(compiled, problem, (32, 32, 3), {"label": 17}) == Unread()


def test_it_is_no_problem_of_its_own() -> None:
    assert "augmentation" not in list_ready_problems()


def test_labels_of_the_user_may_not_be_the_same() -> None:
    with pytest.raises(UserError, match="Two hyperparameters have the label 'augmentation_flip'"):
        compile_space({"flip": hp.uniform("augmentation_flip", 0, 1), "augmentation": augmentation.space()})
