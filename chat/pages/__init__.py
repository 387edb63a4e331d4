"""What people see: thin views that ask the schema, call an action, and hand the rest to templates."""
