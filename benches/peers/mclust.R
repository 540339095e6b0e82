#!/usr/bin/env Rscript
# BIC and ICL of R's mclust for data sets of R and of its own, and its models; mclust.py beside this file runs it.
#
#     Rscript mclust.R FOLDER
#
# Of each data set it writes FOLDER/NAME.csv, its features; FOLDER/NAME-bic.csv, a row for each model; and
# FOLDER/NAME-FAMILY-K.json, the models of the tight tolerance in the format of Mixtura.

suppressPackageStartupMessages(library(mclust))

folder <- commandArgs(trailingOnly = TRUE)[1]
families <- c(VVV = "full", EEE = "tied", VVI = "diag", VII = "spherical")
controls <- list(default = emControl(), tight = emControl(tol = c(1e-10, 1e-10)))

data(list = c("banknote", "diabetes", "thyroid", "wreath"), package = "mclust")
# The first column of three of them is the class.
sets <- list(faithful = faithful, iris = iris[, 1:4], diabetes = diabetes[, -1], banknote = banknote[, -1],
             thyroid = thyroid[, -1], wreath = data.frame(wreath))

json <- function(x) {
  cells <- if (is.matrix(x)) apply(x, 1, json) else sprintf("%.17g", x)
  sprintf("[%s]", paste(cells, collapse = ","))
}

covariances <- function(family, sigma) {
  each <- lapply(seq_len(dim(sigma)[3]), function(k) sigma[, , k])
  switch(family,
    full = sprintf("[%s]", paste(sapply(each, json), collapse = ",")),
    tied = json(each[[1]]),
    diag = json(t(sapply(each, diag))),
    spherical = json(sapply(each, function(s) s[1, 1])))
}

write_model <- function(path, family, parameters) {
  means <- t(parameters$mean)
  cat(sprintf('{"format":"mixtura-model","version":1,"covariance_type":"%s","n_components":%d,"n_features":%d,', family,
              nrow(means), ncol(means)),
      sprintf('"weights":%s,"means":%s,"covariances":%s}\n', json(parameters$pro), json(means),
              covariances(family, parameters$variance$sigma)),
      file = path)
}

for (name in names(sets)) {
  samples <- as.matrix(sets[[name]])
  write.csv(samples, file.path(folder, paste0(name, ".csv")), row.names = FALSE)
  most <- if (name == "wreath") 20 else 9
  table <- expand.grid(K = 1:most, model = names(families), stringsAsFactors = FALSE)
  cells <- cbind(table$K, table$model)
  for (how in names(controls)) {
    bic <- mclustBIC(samples, 1:most, names(families), control = controls[[how]], verbose = FALSE)
    icl <- mclustICL(samples, 1:most, names(families), control = controls[[how]], verbose = FALSE)
    table[[paste0("bic_", how)]] <- unclass(bic)[cells]
    table[[paste0("icl_", how)]] <- unclass(icl)[cells]
  }
  write.csv(table, file.path(folder, paste0(name, "-bic.csv")), row.names = FALSE)
  for (row in which(!is.na(table$bic_tight))) {
    family <- families[table$model[row]]
    fitted <- mclustModel(samples, bic, table$K[row], table$model[row])
    write_model(file.path(folder, sprintf("%s-%s-%d.json", name, family, table$K[row])), family, fitted$parameters)
  }
}
cat(sprintf("mclust %s, R %s\n", packageVersion("mclust"), getRversion()))
