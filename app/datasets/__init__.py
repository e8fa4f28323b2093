"""Datasets of the service's users: uploads that can be resumed, and imports in processes of their own."""
