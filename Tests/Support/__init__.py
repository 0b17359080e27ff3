"""What the browser and client tests share: the running demo, and names under localhost."""
