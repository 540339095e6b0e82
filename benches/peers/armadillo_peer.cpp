// Armadillo's gmm_full and gmm_diag, in f64. Arguments: FOLDER FAMILY EPOCHS; prints one line of JSON, as peer.py does.
// With --version it prints the versions of Armadillo and the compiler.

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <vector>

#include <armadillo>

// The numbers of a .npy file (version 1, f64, rows first): Armadillo's layout, with the axes in reverse.
std::vector<double> read_npy(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    char start[10];
    file.read(start, sizeof start);
    const auto header = uint8_t(start[8]) | uint8_t(start[9]) << 8;
    file.seekg(0, std::ios::end);
    const auto bytes = std::size_t(file.tellg()) - sizeof start - header;
    std::vector<double> values(bytes / sizeof(double));
    file.seekg(std::streamoff(sizeof start) + header);
    file.read(reinterpret_cast<char*>(values.data()), std::streamsize(bytes));
    if (!file) throw std::runtime_error("cannot read " + path);
    return values;
}

template <typename Gmm>
void run(const std::string& folder, arma::uword epochs) {
    const auto raw = [&](const char* name) { return read_npy(folder + "/" + name + ".npy"); };
    const arma::rowvec weights(raw("weights"));
    const auto k = weights.n_elem;
    const auto means_raw = raw("means");
    const auto d = means_raw.size() / k;
    const arma::mat means(means_raw.data(), d, k);
    const auto samples_raw = raw("samples");
    const arma::mat samples(samples_raw.data(), d, samples_raw.size() / d);
    const auto covariances_raw = raw("covariances");

    Gmm model;
    // Seconds of a fit from the start.
    const auto fit = [&](arma::uword epochs) {
        if constexpr (std::is_same_v<Gmm, arma::gmm_full>) {
            model.set_params(means, arma::cube(covariances_raw.data(), d, d, k), weights);
        } else {
            model.set_params(means, arma::mat(covariances_raw.data(), d, k), weights);
        }
        const auto before = std::chrono::steady_clock::now();
        if (!model.learn(samples, k, arma::eucl_dist, arma::keep_existing, 0, epochs, 1e-6, false)) {
            throw std::runtime_error("learn() failed");
        }
        return std::chrono::duration<double>(std::chrono::steady_clock::now() - before).count();
    };
    fit(1);  // threads start and pages are touched
    const double few = std::min({fit(1), fit(1), fit(1)});  // as in peer.py
    const double many = fit(1 + epochs);
    if (many <= few) throw std::runtime_error("too few epochs to time");
    std::printf(R"({"ms_per_epoch": %.17g, "mean_log_likelihood": %.17g, "seconds": [%.17g, %.17g]})" "\n",
                (many - few) / double(epochs) * 1e3, model.avg_log_p(samples), few, many);
}

int main(int count, char** arguments) try {
    if (count == 2) {
        std::printf("%s, compiled by %s\n", arma::arma_version::as_string().c_str(), __VERSION__);
        return 0;
    }
    const std::string folder = arguments[1], family = arguments[2];
    const arma::uword epochs = std::stoul(arguments[3]);
    family == "full" ? run<arma::gmm_full>(folder, epochs) : run<arma::gmm_diag>(folder, epochs);
} catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
}
