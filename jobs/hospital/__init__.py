"""Between a run and a hospital: data in without names, reports out, who answers for them."""
