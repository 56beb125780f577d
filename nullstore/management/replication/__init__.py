"""The actions of manage.py replication, one module each."""

from nullstore.management.replication.action import Action
from nullstore.management.replication.drop_slot import DropSlot
from nullstore.management.replication.ping import Ping
from nullstore.management.replication.reconnect import Reconnect
from nullstore.management.replication.resync import Resync
from nullstore.management.replication.skip import Skip
from nullstore.management.replication.status import Status
from nullstore.management.replication.switch import Disable, Enable
from nullstore.management.replication.verify import Verify
from nullstore.management.replication.wait import Wait

#: In the order in which --help lists them.
ACTIONS: tuple[type[Action], ...] = (Status, Verify, Wait, Ping, Resync, Reconnect, Enable, Disable, Skip, DropSlot)
