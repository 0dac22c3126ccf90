"""Runs picklable work in killable workers: processes on this machine, or Ray on many."""
