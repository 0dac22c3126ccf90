"""One study explained."""
