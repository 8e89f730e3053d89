"""Pretrained networks as parts of other networks: what is known of them without Keras, and their layers in Keras.

A backbone is a ``.keras`` file or a network of ``keras.applications``. It is cut at feature maps through which all of
its layers' outputs pass. `facts` reads shapes and counts at these cuts, which a process of its own has measured once;
`layer` makes a part between two cuts a layer of a blueprint; `loading` builds it in Keras.
"""

from metaopt.backbones.facts import BackboneFacts, Cut, read_facts
from metaopt.backbones.layer import Backbone
from metaopt.backbones.source import UnsupportedSize

__all__ = ["Backbone", "BackboneFacts", "Cut", "UnsupportedSize", "read_facts"]
