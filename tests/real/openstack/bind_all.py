"""Tells Neutron that each port is wired. There is no agent and nothing to wire: guests are made up."""
from neutron_lib import constants
from neutron_lib.plugins.ml2 import api


class BindAll(api.MechanismDriver):
    connectivity = "l2"

    def initialize(self):
        pass

    def bind_port(self, context):
        segment = context.segments_to_bind[0]
        context.set_binding(segment[api.ID], "bridge", {"port_filter": False}, status=constants.PORT_STATUS_ACTIVE)
