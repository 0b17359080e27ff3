print("formation")
