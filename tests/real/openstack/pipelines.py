"""Writes the request pipelines of Glance, Neutron and Nova: Keystone's tokens, and no more than that.

Debian keeps them in the packages of the daemons, which are not installed.
"""
import sys

GLANCE = {
    "pipeline:glance-api-keystone": ["pipeline = versions token context root"],
    "composite:root": ["paste.composite_factory = glance.api:root_app_factory", "/: apiversions", "/v2: v2"],
    "app:apiversions": ["paste.app_factory = glance.api.versions:create_resource"],
    "app:v2": ["paste.app_factory = glance.api.v2.router:API.factory"],
    "filter:versions": ["paste.filter_factory = glance.api.middleware.version_negotiation:VersionNegotiationFilter.factory"],
    "filter:context": ["paste.filter_factory = glance.api.middleware.context:ContextMiddleware.factory"],
    "filter:token": ["paste.filter_factory = keystonemiddleware.auth_token:filter_factory", "delay_auth_decision = true"],
}
NEUTRON = {
    "composite:neutron": ["use = egg:Paste#urlmap", "/: versions", "/v2.0: v2"],
    "composite:v2": ["use = call:neutron.auth:pipeline_factory", "keystone = id errors token context extensions api"],
    "filter:id": ["paste.filter_factory = oslo_middleware:RequestId.factory"],
    "filter:errors": ["paste.filter_factory = oslo_middleware:CatchErrors.factory"],
    "filter:token": ["paste.filter_factory = keystonemiddleware.auth_token:filter_factory"],
    "filter:context": ["paste.filter_factory = neutron.auth:NeutronKeystoneContext.factory"],
    "filter:extensions": ["paste.filter_factory = neutron.api.extensions:plugin_aware_extension_middleware_factory"],
    "app:versions": ["paste.app_factory = neutron.pecan_wsgi.app:versions_factory"],
    "app:api": ["paste.app_factory = neutron.api.v2.router:APIRouter.factory"],
}
NOVA = {
    "composite:osapi_compute": ["use = call:nova.api.openstack.urlmap:urlmap_factory", "/: versions", "/v2.1: versions_v21", "/v2.1/+: v21"],
    "composite:v21": ["use = call:nova.api.auth:pipeline_factory_v21", "keystone = id faults sizes token context api"],
    "filter:id": ["paste.filter_factory = nova.api.compute_req_id:ComputeReqIdMiddleware.factory"],
    "filter:faults": ["paste.filter_factory = nova.api.openstack:FaultWrapper.factory"],
    "filter:sizes": ["paste.filter_factory = oslo_middleware:RequestBodySizeLimiter.factory"],
    "filter:token": ["paste.filter_factory = keystonemiddleware.auth_token:filter_factory"],
    "filter:context": ["paste.filter_factory = nova.api.auth:NovaKeystoneContext.factory"],
    "app:api": ["paste.app_factory = nova.api.openstack.compute:APIRouterV21.factory"],
    "pipeline:versions": ["pipeline = faults versions_app"],
    "app:versions_app": ["paste.app_factory = nova.api.openstack.compute.versions:Versions.factory"],
    "pipeline:versions_v21": ["pipeline = id faults versions_v21_app"],
    "app:versions_v21_app": ["paste.app_factory = nova.api.openstack.compute.versions:VersionsV2.factory"],
}

for name, sections in (("glance-api", GLANCE), ("neutron", NEUTRON), ("nova", NOVA)):
    with open("%s/%s-paste.ini" % (sys.argv[1], name), "w") as file:
        for section, lines in sections.items():
            file.write("[%s]\n%s\n" % (section, "\n".join(lines)))
