-- Everything the hub owns lives in one schema, so that it can share a database with its host product.
create schema hub;

comment on schema hub is 'WorkSphere Hub: events, webhooks, connections, syncs and their tenants.';
