"""Adapters: one file per library, each with ``PEERS``, its searches behind the interface of ``benchmarks.peers.peer``.

A module imports its library inside its functions, so that all peers can be listed where some are not installed.
"""
