"""The repair: near values whose network stands, for values whose network the guard rejects.

It takes any space and any function from points to blueprints. What is to blame is found in two ways.

1. **By a trace** (``traced``, ``trace``): the network is made once of numbers that know their labels, with empty
   tensors let through. Each layer's arguments are then functions of labels, and all layers are mended at once: first
   the shapes, walked from the input (``shapes``), then the widths, the costliest layer first (``sizes``). Two
   evaluations of the network repair a stack of 30 blocks, where finite differences over its 270 labels would take
   hundreds, for each of twenty layers that fail. What a trace cannot show, it does not need to: the result is always
   checked by the function itself, and traced again if it falls short.
2. **By trial** (``descent``), where no trace leads on: a depth that only ``range`` sees, an option that is a name, a
   limit that widths alone cannot keep. One label at a time is moved, in random order, as long as the network comes
   nearer to standing: further down before it breaks, or less above its limits. In the end labels go back to what they
   were wherever that is possible.

Among repairs that are equally good one is drawn, so that what comes out stays broad.
"""

from metaopt.study.repair.repair import Repair, Repaired

__all__ = ["Repair", "Repaired"]
