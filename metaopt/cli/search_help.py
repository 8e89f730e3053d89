"""The end of the help of a search: examples, one line on each strategy and ready space, and the terms."""

from collections.abc import Mapping, Sequence

from metaopt.terminal.commands import help_of, start_of
from metaopt.training.metrics import METRICS
from metaopt.trials.constraints import CHEAP

EXAMPLES = (
    ("--data digits --trials 12", "a first search, about five minutes on two CPU cores"),
    ("--data pets/ --time 2h", "images in class folders, for two hours"),
    ("--data pets/ --space photo_cnn --constraint 'params<=200k'", "at most 200,000 parameters"),
    ("--space my_problem.py --results mine", "a space of your own, in another folder"),
)

IMPORT_EXAMPLES = (
    ("--data pets/ --results mine elsewhere/trials/*.json", "records of another study of the same space"),
    ("--data pets/ --results mine trials.pkl", "trials that plain hyperopt wrote"),
    ("--data pets/ --results mine another_study trials.csv", "another study, and a table"),
)

STRATEGIES = {
    "auto": "one model of all learning curves decides what to try, and which trials to resume or leave",
    "pbt": "population-based training: a schedule of hyperparameters within one training",
    "pb2": "the same, with a model that selects the hyperparameters: small populations",
    "tpe": "TPE, as hyperopt defines it; every trial is trained to the end",
    "random": "random search, for comparison",
    "anneal": "hyperopt's simulated annealing, for comparison",
    "evolution": "mutation and recombination: deep stacks, measured constraints",
    "gp": "Gaussian process: few trials that take minutes each",
    "hyperband": "random search with Hyperband: short trainings first, the best of them longer",
    "asha": "random search with ASHA, which needs no waiting between workers",
    "gp-asha": "Gaussian process over all rungs of ASHA",
    "bohb": "TPE with joint densities, with Hyperband",
    "ea-hyperband": "evolution with Hyperband: measured constraints",
}

SPACES = {
    "cnn": "space.py and neural_net.py beside the command: 24 hyperparameters, for you to edit",
    "photo_cnn": "a small VGG with global average pooling and regularisation: small sets of photographs",
    "transfer": "a pretrained backbone with a new head, tuned in part: few photographs; docs/transfer.md",
    "autoencoder": "an encoder-decoder with skip connections: image outputs, e.g. denoising, gap filling, masks",
    "flower_cnn": "the published space of a constrained search on 17 flowers",
    "flower_cnn_published": "the same with images in 0..1, for a comparison like with like",
    "signal_cnn": "blocks of convolution and pooling in one dimension: signals, e.g. WAV files",
    "conv_stack_1d": "the stacks of conv_stack in one dimension: signals",
    "conv_stack": "up to 30 blocks with residual connections and skips",
    "wide_resnet": "wide residual networks: architecture, optimiser and regularisation together",
}

TERMS = {
    "study": "everything of one search, in the folder of --results",
    "trial": "one point of the space and all its training",
    "rung": "a number of epochs at which trials are compared; the best are promoted to the next",
    "bracket": "a series of rungs: of many short trainings, or of few long ones",
    "MACs": "multiply-accumulates for one image: the cost of a prediction",
    "memory": "estimated bytes of a training step: weights, optimiser, activations of a batch",
    "constraint": "NAME<=NUMBER or NAME>=NUMBER; units as in 200k, 5M, 1GB; perhaps with a confidence",
}


def make_epilog(prog: str, examples: Sequence[tuple[str, str]] = EXAMPLES) -> str:
    """Return the text after the options.

    Args:
        prog: name of the command, see ``metaopt.terminal.commands.start_of``.
        examples: arguments of the examples and what they are for.
    """
    start = start_of(prog)
    lines = "\n".join(f"  # {text}\n  {start} {arguments}" for arguments, text in examples)
    before = ", ".join(CHEAP)
    return "\n\n".join(
        [
            f"examples:\n{lines}",
            _table("strategies", STRATEGIES),
            _table("ready spaces", SPACES),
            f"constraints:\n  before training: {before}\n  measured:        {', '.join(METRICS)}, seconds,"
            " precision[CLASS], recall[CLASS]; docs/limits.md tells what is promised,"
            " docs/outputs.md lists the metrics of labels, numbers and images",
            _table("terms", TERMS),
            "docs/ explains spaces, data, strategies and results; docs/training.md lists the keys that training reads."
            f" `{help_of('metaopt')}` lists the other commands.",
        ]
    )


def _table(title: str, rows: Mapping[str, str]) -> str:
    width = max(map(len, rows))
    return "\n".join([f"{title}:", *(f"  {name:<{width}}  {text}" for name, text in rows.items())])
