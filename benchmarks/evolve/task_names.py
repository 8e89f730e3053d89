"""Names of the tasks, without Keras."""

TASKS = {
    "digits": "a dense network, 784-400-10, on the digits of scikit-learn enlarged to 28×28: test accuracy",
    "flowers17": "the reference CNN of neural_net.py on 17 kinds of flowers: test accuracy",
    "gaps": "an autoencoder that fills cloud-shaped holes in CIFAR-10 images, from SGD at 1e-5: MSE inside the holes",
}
"""Task → what it is."""

MINIMISED = ("gaps",)
"""Tasks whose score is minimised."""
