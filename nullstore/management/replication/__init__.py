"""The actions of manage.py replication, one module each."""

from nullstore.management.replication.action import Action
from nullstore.management.replication.ping import Ping
from nullstore.management.replication.wait import Wait

#: In the order in which --help lists them.
ACTIONS: tuple[type[Action], ...] = (Wait, Ping)
