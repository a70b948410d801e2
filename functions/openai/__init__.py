"""OpenAI's Videos API: a foreign wire format, translated to our use cases."""
