"""What the sandbox refuses on its own account; what a vendor refuses is an answer of the vendor's shape."""


class SandboxRefusal(Exception):
    """The sandbox cannot do this."""


class WrongFault(SandboxRefusal):
    """A fault is described wrongly."""


class WrongSeed(SandboxRefusal):
    """A seed cannot be loaded."""


class WrongReceiver(SandboxRefusal):
    """A webhook receiver is not known, or did not pass the vendor's handshake."""


class UnknownProvider(SandboxRefusal):
    """There is no such provider, app or account in this sandbox."""
