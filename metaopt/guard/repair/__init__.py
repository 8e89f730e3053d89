"""Repair of invalid or oversized networks by moving labels of the space as little as possible.

It works with any space and any function from points to blueprints. Faults are found in three ways:

1. **Trace** (``tracing``). The network is built once from numbers that record their labels, with empty tensors allowed.
   Its layers are then steps (``layer_evaluator``) whose arguments are functions of labels. All faults are repaired at
   once: shapes first, propagated from the input (``shape_repair``), then widths, the costliest layer first
   (``cost_model``). Finite differences over the 270 labels of a stack of 30 blocks would need hundreds of evaluations
   of the network for each of some twenty invalid layers.
2. **Trace cache** (``trace_cache``). Equal blocks have equal steps in every stack. The steps of blocks are taken from a
   few traces and combined for each draw, so that the network is only built to check the result. Repairing a stack takes
   3 to 4 times as long without the cache.
3. **Local search** (``local_search``), where a trace does not explain the fault: a depth that only ``range`` sees, an
   option that is a name, a limit that widths alone cannot keep. Single labels are moved in random order, as long as the
   network comes closer to being valid and within its limits. In the end labels are restored wherever possible.

``enlargement`` uses the same means for networks that use too little of their limits: widths first, then local search.

Every result is checked by building the network. One of several equally good repairs is drawn at random, which keeps the
results diverse. All memoised values only save time or come from fixed draws, so that the result is a function of the
values and the generator.
"""

from metaopt.guard.repair.enlargement import Enlargement
from metaopt.guard.repair.repair import Repair, RepairResult

__all__ = ["Enlargement", "Repair", "RepairResult"]
