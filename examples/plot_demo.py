"""
Balance a simulated ECG set
===========================

A set of heartbeats in which abnormal ones are rare is simulated, balanced with `GANOversampler`,
and the new beats are drawn beside real ones. It needs no recording.
"""

import time
from collections import Counter

import matplotlib

matplotlib.use("Agg")
from bioaug import GANOversampler
from bioaug.datasets import make_ecg
from bioaug.plots import plot_real_and_synthetic

# %%
# 3,000 beats of 20 simulated patients: mostly normal (N), some premature (S), ventricular (V),
# fusion (F) and paced (Q) ones.
ecg = make_ecg(
    3000, class_weights={"N": 0.75, "S": 0.07, "V": 0.08, "F": 0.05, "Q": 0.05}, random_state=0
)
print("before:", dict(sorted(Counter(ecg.target.tolist()).items())))

# %%
# One conditional generator learns the four rare classes and grows each to the size of N.
began = time.perf_counter()
sampler = GANOversampler(n_steps=1500, random_state=0, verbose=1)
X, y = sampler.fit_resample(ecg.data, ecg.target)
print("after: ", dict(sorted(Counter(y.tolist()).items())))
print(f"trained and balanced in {time.perf_counter() - began:.0f} s")

# %%
# Real beats stand on the left, synthetic ones on the right; black is the mean of each.
figure = plot_real_and_synthetic(
    X, y, sampler.n_original_, sampling_rate=ecg.sampling_rate, unit="mV"
)
figure.savefig("demo.png", dpi=110)
print("real beside synthetic beats: demo.png")
