from chat.models.ids import random_id
from chat.models.messages import Message, Reaction
from chat.models.operations import Operation
from chat.models.people import ApiToken, User
from chat.models.rooms import Membership, Room

__all__ = ["ApiToken", "Membership", "Message", "Operation", "Reaction", "Room", "User", "random_id"]
