/// Reading .fvecs and .ivecs: for each row an i32 dimension and then that many f32 or i32.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace vecstore::bench {

/// [rows, dim] row-major.
template <class T>
struct matrix {
    std::vector<T> values;
    std::size_t rows = 0;
    std::size_t dim = 0;
    [[nodiscard]] const T* row(std::size_t i) const noexcept { return values.data() + i * dim; }
    [[nodiscard]] T* row(std::size_t i) noexcept { return values.data() + i * dim; }
};

/// Throws std::runtime_error that names the file when it cannot be read or its rows differ in length.
[[nodiscard]] matrix<float> read_fvecs(const std::string& path);
[[nodiscard]] matrix<std::int32_t> read_ivecs(const std::string& path);

}  // namespace vecstore::bench
