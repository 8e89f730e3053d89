"""Flags of a search: accepted values, messages and help."""

import re
from argparse import BooleanOptionalAction
from dataclasses import fields
from pathlib import Path

import pytest

from metaopt.cli.arguments import size
from metaopt.cli.errors import flag_of
from metaopt.cli.search_flags import EARLY_STOPPING, TRAINABLE_OBJECTIVES, make_parser
from metaopt.engine.settings import MINIMA, Settings, resolve
from metaopt.engine.setup import make_strategy
from metaopt.engine.strategy import DEFAULT_STRATEGY, SamplerScheduler
from metaopt.errors import UserError
from metaopt.samplers import Evolution
from metaopt.storage.state import StudyState
from metaopt.terminal.commands import command
from metaopt.trials.stopping import LossBound

# Settings that the search itself derives.
DERIVED = {"base", "startup", "phases", "further_objectives"}
# Flags that are not settings of the same name.
OTHERS = {"start_from", "published_point", "help", "version", "debug", "results", "time", "strategy", "constraint"}
OTHERS |= {"ray_address", "worker_cpus", "worker_gpus", "worker_memory", "start_point", "dry_run", "track", "serve"}


def parse(text: str) -> dict:
    return vars(make_parser("metaopt search").parse_args(text.split()))


def test_flags_left_out_are_none() -> None:
    arguments = parse("")
    assert arguments.pop("results") == Path.cwd() / "results"
    assert set(arguments.values()) == {None}


def test_every_setting_has_a_flag() -> None:
    names = {action.dest for action in make_parser("search")._actions}
    settings = {field.name for field in fields(Settings)}
    assert names - OTHERS == settings - DERIVED - {"constraints"}


@pytest.mark.parametrize(("setting", "minimum"), MINIMA.items())
def test_integers_have_the_minimum_of_their_setting(setting: str, minimum: int) -> None:
    flag = flag_of(setting)
    assert parse(f"{flag} {minimum}")[setting] == minimum
    for value in (minimum - 1, minimum + 0.5):
        with pytest.raises(UserError, match=f"value for {flag}: {value}. Expected an integer >= {minimum}."):
            parse(f"{flag}={value}")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("--trails 3", "Unknown flag: --trails. Did you mean --trials?"),
        ("--strategy tpo", "Invalid value for --strategy: tpo. Did you mean tpe?"),
        ("--sampler evolutin", "Invalid value for --sampler: evolutin. Did you mean evolution?"),
        ("--scheduler asa", "Invalid value for --scheduler: asa. Did you mean asha?"),
        ("--objective val_acuracy", "Invalid value for --objective: val_acuracy. Did you mean val_accuracy?"),
        ("--schedule cosin", "Invalid value for --schedule: cosin. Did you mean cosine?"),
        ("--executor procesess", "Invalid value for --executor: procesess. Did you mean processes?"),
        ("--augment flipp", "Invalid value for --augment: flipp. Did you mean flip?"),
        ("--rule round", "Invalid value for --rule: round. Expected one of ceil, floor."),
        ("--time soon", "Invalid value for --time: soon. Expected a duration such as 90s, 30m or 1h30m."),
        ("--fill much", "Invalid value for --fill: much. Expected a number >= 0."),
        ("--checkpoint-quota many", "--checkpoint-quota: many. Expected a size such as 500MB or 5GB."),
        ("--worker-gpus half", "Invalid value for --worker-gpus: half. Expected a number >= 0."),
        ("--worker-memory all", "Invalid value for --worker-memory: all. Expected a size such as 500MB or 5GB."),
        ("--epochs", "Missing value for --epochs."),
        (
            "--image-size 64x",
            "--image-size: 64x. Expected an integer >= 1, in pixels, or HEIGHTxWIDTH, e.g. 64x128.",
        ),
    ],
)
def test_wrong_usage_is_one_sentence(text: str, message: str) -> None:
    with pytest.raises(UserError, match=re.escape(f"{message} See `{command('search', '--help')}`.")):
        parse(text)


def test_values_are_converted() -> None:
    arguments = parse("--time 2h --checkpoint-quota 500MB --fill 0.9 --lambda 3 --results here")
    assert (arguments["time"], arguments["checkpoint_quota"], arguments["fill"]) == (7200, 500_000_000, 0.9)
    assert (arguments["lambda_"], arguments["results"]) == (3, Path.cwd() / "here")


def test_resources_of_ray_workers_are_converted() -> None:
    arguments = parse("--executor ray --ray-address auto --worker-cpus 2 --worker-gpus 0.5 --worker-memory 8GB")
    assert (arguments["executor"], arguments["ray_address"]) == ("ray", "auto")
    assert (arguments["worker_cpus"], arguments["worker_gpus"], arguments["worker_memory"]) == (2.0, 0.5, 8 * 10**9)


def test_constraints_are_collected() -> None:
    assert parse("--constraint params<=2e6 --constraint macs<=1e8")["constraint"] == ["params<=2e6", "macs<=1e8"]


@pytest.mark.parametrize(("text", "seconds"), [("10s", 10.0), ("1h30m", 5400.0), ("0", 0.0)])
def test_time_limit_of_a_trial_is_a_duration(text: str, seconds: float) -> None:
    assert parse(f"--trial-timeout {text}")["trial_timeout_s"] == seconds


def test_survivors_and_loss_bound_are_flags() -> None:
    flags = "--survivors two-thirds --stop-hopeless --hopeless-epoch 2 --hopeless-rank 3 --hopeless-factor 1.5"
    names = {field.name for field in fields(Settings)}
    arguments = parse(f"{flags} --sampler evolution")
    given = {name: value for name, value in arguments.items() if name in names and value is not None}
    settings = resolve(given, {}, StudyState())
    strategy = make_strategy(settings)
    assert isinstance(strategy, SamplerScheduler)
    assert strategy.sampler == Evolution(mu=settings.mu, survivors="two-thirds")
    assert settings.training_options().loss_based_stopping == LossBound(2, 3, 1.5)


def test_switches_can_be_turned_off() -> None:
    switches = [each for each in make_parser("search")._actions if isinstance(each, BooleanOptionalAction)]
    assert {each.dest for each in switches} == {
        "inherit",
        "stop_hopeless",
        "deterministic",
        "full_population",
        "skip_broken",
        "race",
    }
    for switch in switches:
        on, off = switch.option_strings
        assert (parse(on)[switch.dest], parse(off)[switch.dest]) == (True, False)


def test_the_loss_of_a_function_is_no_objective_of_networks() -> None:
    assert "loss" not in TRAINABLE_OBJECTIVES
    assert "val_loss" in TRAINABLE_OBJECTIVES


def test_help_states_the_defaults_of_settings() -> None:
    stated = {}
    for action in make_parser("search")._actions:
        assert action.help, action.option_strings
        if match := re.search(r"\(default: ([\w.]+)[,)]", action.help):
            stated[action.dest] = match[1]
    assert len(stated) > 12
    stated["checkpoint_quota"] = str(size(stated["checkpoint_quota"]))
    assert (stated.pop("strategy"), stated.pop("early_stopping")) == (DEFAULT_STRATEGY, str(EARLY_STOPPING))
    assert (stated.pop("folds"), stated.pop("race")) == ("auto", "on")  # of a new study, by its data
    assert stated == {name: str(getattr(Settings(), name)) for name in stated}


def test_objectives_may_be_repeated_with_a_direction() -> None:
    assert parse("--objective val_accuracy --objective recall:max")["objective"] == ["val_accuracy", "recall:max"]
    for text, message in (("val_acuracy", "Did you mean val_accuracy"), ("val_accuracy:min", "write val_accuracy")):
        with pytest.raises(UserError, match=message):
            parse(f"--objective {text}")
