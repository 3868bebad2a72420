"""What people said of answers: storage, retention, statistics."""
