"""Roles that approve decisions, from the lowest to the highest; a higher role may answer for a lower one."""

CSM, MANAGER, EXECUTIVE = "csm", "manager", "executive"
ROLES = [CSM, MANAGER, EXECUTIVE]
