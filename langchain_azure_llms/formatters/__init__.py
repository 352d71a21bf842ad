"""What travels: one module per wire format, all pure."""
