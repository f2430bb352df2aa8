"""The proof under load: a server, an application, clients."""
