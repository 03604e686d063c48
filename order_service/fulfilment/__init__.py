"""From an effective order to a received parcel: review, picking, packing, carriers, tracking."""
