"""Fault campaign, `make soak`: kills, full disks, clock jumps, lost files, and reads beside publishes, with counts."""
