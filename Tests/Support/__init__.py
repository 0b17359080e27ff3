"""What the browser, client and API tests share: the running demo, and names under localhost."""
