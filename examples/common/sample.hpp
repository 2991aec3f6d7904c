/// The sample of examples/data: dictionary entries with embeddings, and sentences to search for.
/// Thread safety: plain values.
#pragma once

#include <vecstore/core/result.hpp>

#include <cstddef>
#include <string>
#include <vector>

namespace sample {

/// Rows of numbers. Shape: values [rows, dim] f32 row-major, unpacked and of about unit length.
struct matrix {
    std::size_t rows = 0;
    std::size_t dim = 0;
    std::vector<float> values;

    [[nodiscard]] std::vector<float> row(std::size_t i) const {
        const auto* const first = values.data() + i * dim;
        return {first, first + dim};
    }
};

struct sentence {
    std::string text;
    std::size_t source_row = 0;  ///< the entry it illustrates
};

struct data {
    matrix vectors;
    std::vector<std::string> payloads;  ///< one JSON object for each row of `vectors`
    matrix query_vectors;
    std::vector<sentence> queries;  ///< one for each row of `query_vectors`
};

/// Reads the four files of `folder`.
/// Errors: io (a file cannot be read), corruption (a file is not as its README says).
[[nodiscard]] vecstore::result<data> load(const std::string& folder);

/// Where the build found examples/data.
[[nodiscard]] std::string default_folder();

}  // namespace sample
