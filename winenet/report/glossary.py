"""The terms that the page uses, each explained in a sentence or two."""

from winenet.report.terms import Terms

# In braces: what Terms calls a row and the two classes.
GLOSSARY = {
    "accuracy": "The fraction of rows whose label is predicted correctly.",
    "AUC": "The area under the ROC curve: 1 is perfect, 0.5 is guessing. It is the probability "
    "that a random {positive} {row} has a higher predicted probability than a random {negative} "
    "one.",
    "average precision": "The mean precision over the {positive} {rows}, each at the threshold "
    "that just finds it: the area under the precision-recall curve. Guessing gives the fraction of "
    "{positive} {rows}, so it shows what a ROC AUC hides where they are rare.",
    "balanced accuracy": "The mean over the classes of the fraction of each class's {rows} that is "
    "predicted correctly. A model that predicts one class only gets 1 / the number of classes.",
    "bias": "A number that a neuron adds to its weighted inputs. It is learnt in training.",
    "boosted trees": "Many small decision trees; each corrects the errors of those before it.",
    "calibration": "Whether predicted probabilities equal observed frequencies: of the rows with "
    "a probability of 0.8, four in five should be {ones}.",
    "confidence interval": "A range for the true value: of 95 % intervals computed in this way, "
    "about 95 in 100 contain it.",
    "confusion matrix": "The number of rows by actual and predicted label.",
    "cross-validation": "The training rows are cut into folds; a model is trained once for each "
    "fold, on all the others, and scored on that one.",
    "early stopping": "Ending the training when the loss on held-out rows no longer falls.",
    "epoch": "One pass over all training rows.",
    "F1": "The harmonic mean of precision (the fraction of {rows} predicted as {positive} that "
    "are) and recall (the fraction of {positive} {rows} that are found).",
    "forward pass": "The computation from the inputs to the outputs of a network.",
    "gradient descent": "Training by small steps: each weight is changed against the gradient, the "
    "slope of the loss.",
    "grid search": "Every combination of the listed hyperparameters is cross-validated; the best "
    "one is trained again on all training rows.",
    "held-out rows": "Training rows that a model does not train on. They show when it starts to "
    "overfit.",
    "hidden layer": "Neurons between the inputs and the output. They make nonlinear "
    "boundaries between the classes possible.",
    "hyperparameter": "A number that is chosen before training, such as the learning rate or the "
    "size of a layer. Training changes the weights, not these.",
    "learning rate": "The factor by which a step multiplies the gradient. With too small a rate "
    "training is slow, with too large a rate it overshoots.",
    "log loss": "The cross-entropy on the test rows: it penalises confident wrong predictions.",
    "log-odds": "The logarithm of p / (1 - p). The weighted sum of a logistic regression is the "
    "log-odds; the sigmoid turns it into the probability p.",
    "logistic regression": "The sigmoid of a weighted sum of the inputs: a network without a "
    "hidden layer. scikit-learn's also keeps the weights small (a penalty).",
    "loss": "The number that training minimises, a measure of how wrong the predictions are. Here "
    "it is the cross-entropy: the mean of -log(predicted probability of the true label).",
    "majority class": "A model that predicts the most frequent label of the training rows for "
    "every row. A model that is not better has learnt nothing.",
    "McNemar test": "A test that compares two models on the same rows, by the rows that only one "
    "of them gets wrong.",
    "min-max normalisation": "Each feature is shifted and scaled so that it ranges from 0 to 1 on "
    "the training rows.",
    "overfitting": "Memorising the training rows: the loss falls on them and rises on other rows.",
    "p-value": "How often a difference this large or larger would occur if the models did not "
    "differ.",
    "permutation importance": "The loss of accuracy when a feature's values are shuffled.",
    "ReLU": "The rectified linear unit, max(0, x): the activation of the hidden units here.",
    "ROC curve": "The fraction of {positive} {rows} that are found, by the fraction of {negative} "
    "ones that are predicted as {positive}, for every threshold.",
    "seed": "The number that initialises the random generator: the same seed gives the same "
    "initial weights and the same order of rows.",
    "sigmoid": "The function 1 / (1 + exp(-x)). It turns any number into one between 0 and 1, "
    "which is read as a probability.",
    "standard error": "How far the mean of several scores is likely to be from the true mean.",
    "test set": "The rows that are kept aside to score the trained models.",
    "threshold": "The probability above which a row is predicted as {one}.",
    "training set": "The rows that models learn from.",
    "weight": "A number by which a neuron multiplies one of its inputs. It is learnt in training.",
}

# Entries that differ with more than two classes.
MULTICLASS = {
    "AUC": "The area under the ROC curve: 1 is perfect, 0.5 is guessing. Here it is the mean over "
    "the classes, each against all the others.",
    "average precision": "The area under the precision-recall curve of a class against all the "
    "others, here the mean over the classes. Guessing gives a class's fraction of the {rows}.",
    "calibration": "Whether predicted probabilities equal observed frequencies: of the rows whose "
    "class has a probability of 0.8, four in five should be correct.",
    "F1": "The harmonic mean of precision (the fraction of {rows} predicted as a class that are) "
    "and recall (the fraction of the class that is found); here the mean over the classes.",
    "hidden layer": "Neurons between the inputs and the outputs. They make nonlinear "
    "boundaries between the classes possible.",
    "logistic regression": "The softmax of weighted sums of the inputs, one sum per class: a "
    "network without a hidden layer. scikit-learn's also keeps the weights small (a penalty).",
    "ROC curve": "The fraction of a class's {rows} that are found, by the fraction of all others "
    "that are predicted as it, for every threshold; here the mean over the classes.",
    "softmax": "Turns one number per class into probabilities that sum to 1: the larger the "
    "number, the larger the probability.",
}


def glossary_for(terms: Terms) -> dict[str, str]:
    """Return each term with its explanation, with the nouns of a table."""
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
