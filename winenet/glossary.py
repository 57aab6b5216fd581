"""The terms that the page uses, each explained in a sentence or two."""

GLOSSARY = {
    "weight": "A number by which a neuron multiplies one of its inputs. Training changes it.",
    "bias": "A number that a neuron adds to its weighted inputs. Training changes it, too.",
    "sigmoid": "The function 1 / (1 + exp(-x)). It turns any number into one between 0 and 1, "
    "which is read as a probability.",
    "forward pass": "The computation from the inputs to the outputs of a network.",
    "loss": "How bad the predictions are, as one number that training makes smaller. Here it is "
    "the cross-entropy: the mean of -log(probability that was given to the true label).",
    "gradient descent": "Training by small steps: each weight is changed against the slope of the "
    "loss, the gradient.",
    "learning rate": "By how much of the gradient a step changes the weights. Too small a rate "
    "crawls, too large a one overshoots.",
    "epoch": "One pass over all training rows.",
    "logistic regression": "The sigmoid of a weighted sum of the inputs: a network without hidden "
    "layer. scikit-learn's also keeps the weights small (a penalty).",
    "hidden layer": "Neurons between the inputs and the output. They let a network bend the "
    "border between the classes.",
    "early stopping": "To end a training when the loss on held-out rows no longer falls.",
    "held-out rows": "Training rows that a model does not train on, so that they can tell when it "
    "begins to learn the others by heart.",
    "min-max normalisation": "Each feature is moved and scaled so that its training rows reach "
    "from 0 to 1.",
    "training set": "The rows that models learn from.",
    "test set": "The rows that are set aside to score the finished models.",
    "accuracy": "The share of the rows whose label is predicted rightly.",
    "confusion matrix": "The counts of rows by true and predicted label.",
    "threshold": "The probability above which a row is called a 1.",
    "ROC curve": "The share of true ones that are found over the share of zeros that are taken for "
    "ones, for every threshold. The area under it is the ROC AUC: 1 is perfect, 0.5 is guessing.",
    "cross-validation": "The training rows are cut into folds; a model is trained once for each "
    "fold, on all the others, and scored on that one.",
    "grid search": "Every combination of the listed hyperparameters is cross-validated; the best "
    "one is trained again on all training rows.",
    "standard error": "How far a mean of several scores may well be from the true one.",
    "seed": "The number from which random numbers are made: the same seed gives the same start "
    "weights and the same order of rows.",
    "95 % interval": "Where the true value may well lie: of intervals made in this way, 95 in 100 "
    "hold it.",
    "p-value": "How often a difference as large or larger would turn up if there was none.",
    "McNemar test": "Compares two models on the same rows: only the rows that one of them gets "
    "wrong and the other does not can tell them apart.",
    "log loss": "The cross-entropy on the test rows: it punishes a model that is sure and wrong.",
    "boosted trees": "Many small decision trees; each mends the errors of those before it.",
    "calibration": "Whether of the rows that were given a probability of, say, 0.8 four in five "
    "are ones.",
    "permutation importance": "How much accuracy is lost when a feature's values are shuffled.",
}
