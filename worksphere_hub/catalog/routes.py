"""The room's routers."""

from worksphere_hub.catalog import instance_routes, integration_routes, market_routes, review_routes

ROUTERS = (integration_routes.router, market_routes.router, review_routes.router, instance_routes.router)
