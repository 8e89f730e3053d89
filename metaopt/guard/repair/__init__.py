"""The repair: near values whose network stands, for values whose network the guard rejects.

It takes any space and any function from points to blueprints. What is to blame is found in three ways.

1. **By a trace** (``traced``, ``trace``). The network is made once of numbers that know their labels, and empty tensors
   are let through. Its layers are then steps (``plan``) whose arguments are functions of labels, and all are mended at
   once: first the shapes, walked from the input (``shapes``), then the widths, the costliest layer first (``sizes``).
   Finite differences over the 270 labels of a stack of 30 blocks would take hundreds of evaluations of the network, for
   each of its twenty layers that fail.
2. **From memory** (``memory``). What the labels of a block make of it is the same in every stack, so that the steps of
   blocks are learned from a few traces and put together for each draw. The one evaluation that is left is that of the
   result. Without it half of the time would go into tracing.
3. **By trial** (``descent``), where neither leads on: a depth that only ``range`` sees, an option that is a name, a
   limit that widths alone cannot keep. One label at a time is moved, in random order, as long as the network comes
   nearer to standing: further down before it breaks, or less above its limits. In the end labels go back to what they
   were wherever that is possible.

Networks that use too little of their limits are enlarged by the same means (``enlargement``, ``widths``): widths first,
as their costs can be told without making the network; then by trial whatever else makes it larger.

None of them is believed: what comes out was checked by the function itself. Among repairs that are equally good one is
drawn, so that what comes out stays broad. All that is remembered only saves time, or was learned from fixed draws, so
that the result is a function of the values and the generator.
"""

from metaopt.guard.repair.enlargement import Enlargement
from metaopt.guard.repair.repair import Repair, Repaired
from metaopt.guard.repair.stacks import Stacks

__all__ = ["Enlargement", "Repair", "Repaired", "Stacks"]
