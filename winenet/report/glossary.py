"""The terms that the page uses, each explained in a sentence or two."""

from winenet.report.terms import Terms

# In braces: what Words calls a row and the two classes.
GLOSSARY = {
    "accuracy": "The share of the rows whose label is predicted rightly.",
    "AUC": "The area under the ROC curve: 1 is perfect, 0.5 is guessing. It is the probability "
    "that a {positive} {row} drawn at random is given more than a {negative} one.",
    "bias": "A number that a neuron adds to its weighted inputs. Training changes it, too.",
    "boosted trees": "Many small decision trees; each mends the errors of those before it.",
    "calibration": "Whether of the rows that were given a probability of, say, 0.8 four in five "
    "are {ones}.",
    "confidence interval": "Where the true value may well lie: of 95 % intervals made in this way, "
    "95 in 100 hold it.",
    "confusion matrix": "The counts of rows by true and predicted label.",
    "cross-validation": "The training rows are cut into folds; a model is trained once for each "
    "fold, on all the others, and scored on that one.",
    "early stopping": "To end a training when the loss on held-out rows no longer falls.",
    "epoch": "One pass over all training rows.",
    "F1": "The harmonic mean of precision (of those called {positive}, the share that is) and "
    "recall (of the {positive} ones, the share that is found).",
    "forward pass": "The computation from the inputs to the outputs of a network.",
    "gradient descent": "Training by small steps: each weight is changed against the slope of the "
    "loss, the gradient.",
    "grid search": "Every combination of the listed hyperparameters is cross-validated; the best "
    "one is trained again on all training rows.",
    "held-out rows": "Training rows that a model does not train on, so that they can tell when it "
    "begins to learn the others by heart.",
    "hidden layer": "Neurons between the inputs and the output. They let a network bend the "
    "border between the classes.",
    "hyperparameter": "A number that is chosen before training, such as the learning rate or the "
    "size of a layer. Training changes the weights, not these.",
    "learning rate": "By how much of the gradient a step changes the weights. Too small a rate "
    "crawls, too large a one overshoots.",
    "log loss": "The cross-entropy on the test rows: it punishes a model that is sure and wrong.",
    "log-odds": "The logarithm of p / (1 - p). A logistic regression adds up exactly this, and the "
    "sigmoid turns it back into the probability p.",
    "logistic regression": "The sigmoid of a weighted sum of the inputs: a network without hidden "
    "layer. scikit-learn's also keeps the weights small (a penalty).",
    "loss": "How bad the predictions are, as one number that training makes smaller. Here it is "
    "the cross-entropy: the mean of -log(probability that was given to the true label).",
    "majority class": "The model that calls every row what most training rows are. Whoever is no "
    "better has learnt nothing.",
    "McNemar test": "Compares two models on the same rows: only the rows that one of them gets "
    "wrong and the other does not can tell them apart.",
    "min-max normalisation": "Each feature is moved and scaled so that its training rows reach "
    "from 0 to 1.",
    "overfitting": "Learning the training rows by heart: the loss falls on them and rises on "
    "others.",
    "p-value": "How often a difference as large or larger would turn up if there was none.",
    "permutation importance": "How much accuracy is lost when a feature's values are shuffled.",
    "ReLU": "The rectified linear unit, max(0, x): what a hidden unit here makes of its weighted "
    "sum.",
    "ROC curve": "The share of {positive} {rows} that are found over the share of {negative} ones "
    "that are taken for {positive}, for every threshold.",
    "seed": "The number from which random numbers are made: the same seed gives the same start "
    "weights and the same order of rows.",
    "sigmoid": "The function 1 / (1 + exp(-x)). It turns any number into one between 0 and 1, "
    "which is read as a probability.",
    "standard error": "How far a mean of several scores may well be from the true one.",
    "test set": "The rows that are set aside to score the finished models.",
    "threshold": "The probability above which a row is called {one}.",
    "training set": "The rows that models learn from.",
    "weight": "A number by which a neuron multiplies one of its inputs. Training changes it.",
}

# What is explained otherwise where there are more than two classes.
MULTICLASS = {
    "AUC": "The area under the ROC curve: 1 is perfect, 0.5 is guessing. Here it is the mean over "
    "the classes, each against all the others.",
    "calibration": "Whether of the rows whose class was predicted with a probability of, say, 0.8 "
    "four in five are right.",
    "F1": "The harmonic mean of precision (of those called a class, the share that is) and recall "
    "(of the class's own, the share that is found); here the mean over the classes.",
    "hidden layer": "Neurons between the inputs and the outputs. They let a network bend the "
    "borders between the classes.",
    "logistic regression": "The softmax of weighted sums of the inputs, one sum a class: a network "
    "without hidden layer. scikit-learn's also keeps the weights small (a penalty).",
    "ROC curve": "The share of a class's {rows} that are found over the share of all others that "
    "are taken for it, for every threshold; here the mean over the classes.",
    "softmax": "Turns one number a class into probabilities that sum to 1: the larger the number, "
    "the larger its share.",
}


def glossary_for(terms: Terms) -> dict[str, str]:
    """Return each term with its explanation, in the words of a table."""
    if terms.multiclass:
        entries, message = (
            GLOSSARY | MULTICLASS,
            {"positive": "", "negative": "", "one": "", "ones": ""},
        )
    else:
        own = terms.labels[1]
        entries = GLOSSARY
        message = {
            "positive": terms.positive,
            "negative": terms.negative,
            "one": "a 1" if own == "1" else terms.positive,
            "ones": "ones" if own == "1" else terms.positive,
        }
    message |= {"row": terms.row, "rows": terms.rows}
    return {name: text.format(**message) for name, text in entries.items()}
