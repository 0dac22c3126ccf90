"""Where a study is mirrored."""
