"""Content formatters: the schemas of models on Azure ML endpoints. All pure."""
