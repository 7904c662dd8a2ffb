"""The engine for files: logs and configuration, each as a tar."""
