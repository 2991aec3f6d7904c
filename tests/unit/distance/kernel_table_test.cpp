#include <vecstore/core/random.hpp>
#include <vecstore/distance/kernel_table.hpp>
#include <vecstore/distance/reference.hpp>

#include <catch2/catch.hpp>

#include <cmath>
#include <cstddef>
#include <cstring>
#include <memory>
#include <vector>

using namespace vecstore;
using distance::kernel_table;
namespace reference = vecstore::distance::reference;

namespace {

/// Exactly `count` floats on the heap, `shift` floats after a 64-byte boundary, so that a sanitizer sees a read beyond.
class placed_floats {
public:
    placed_floats(std::size_t count, std::size_t shift, random_source& random)
        : memory_(std::make_unique<float[]>(count + shift)), shift_(shift) {
        for (std::size_t i = 0; i < count + shift; ++i) memory_[i] = static_cast<float>(random.unit() * 2 - 1);
    }
    [[nodiscard]] const float* data() const { return memory_.get() + shift_; }

private:
    std::unique_ptr<float[]> memory_;
    std::size_t shift_;
};

/// What rounding in f32 may cost: dim * 2^-24 * sum |terms|, and one more unit for the terms themselves.
double tolerance(double sum_of_terms, std::size_t dim) {
    return (static_cast<double>(dim) + 2) * 0x1.0p-24 * sum_of_terms + 1e-30;
}

double absolute_dot(const float* a, const float* b, std::size_t dim) {
    double sum = 0;
    for (std::size_t i = 0; i < dim; ++i) sum += std::abs(static_cast<double>(a[i]) * static_cast<double>(b[i]));
    return sum;
}

void check_pair(const kernel_table& table, const float* a, const float* b, std::size_t dim) {
    const double l2 = reference::l2_squared(a, b, dim), l1 = reference::l1(a, b, dim);
    // REQUIRE for every pair would dominate the test's time; failures are reported with all they need.
    const bool good =
        std::abs(table.dot(a, b, dim) - reference::dot(a, b, dim)) <= tolerance(absolute_dot(a, b, dim), dim) &&
        std::abs(table.l2_squared(a, b, dim) - l2) <= 3 * tolerance(l2, dim) &&
        std::abs(table.l1(a, b, dim) - l1) <= 2 * tolerance(l1, dim);
    if (!good) FAIL("table " << table.name << " dim " << dim);
}

}  // namespace

TEST_CASE("kernels: there is a table, and the active one is among those available", "[distance]") {
    const auto all = distance::available_kernels();
    REQUIRE(!all.empty());
    bool found = false;
    for (const auto* table : all) found = found || table->name == distance::active_kernels().name;
    CHECK(found);
}

TEST_CASE("kernels: every table agrees with the reference for all dimensions to 2048, unaligned too", "[distance]") {
    random_source random(7);
    for (std::size_t dim = 0; dim <= 2048; ++dim) {
        const placed_floats a(dim, dim % 5, random), b(dim, (dim / 5) % 7, random);
        for (const auto* table : distance::available_kernels()) check_pair(*table, a.data(), b.data(), dim);
    }
}

TEST_CASE("kernels: one against many agrees with one against one", "[distance]") {
    random_source random(8);
    for (const std::size_t dim : {1, 2, 3, 4, 7, 8, 15, 16, 17, 31, 33, 63, 100, 127, 128, 384, 769}) {
        for (const std::size_t count : {0, 1, 2, 3, 4, 5, 7, 8, 9, 13, 32}) {
            const placed_floats query(dim, 1, random);
            std::vector<placed_floats> rows;
            std::vector<const float*> pointers;
            for (std::size_t i = 0; i < count; ++i) rows.emplace_back(dim, i % 3, random);
            for (const auto& row : rows) pointers.push_back(row.data());
            for (const auto* table : distance::available_kernels()) {
                INFO("table " << table->name << " dim " << dim << " count " << count);
                std::vector<float> out(count + 1, -7.0f);
                const auto check = [&](kernel_table::one_to_many many, auto reference_of) {
                    many(query.data(), pointers.data(), count, dim, out.data());
                    for (std::size_t i = 0; i < count; ++i)
                        REQUIRE(out[i] == Approx(reference_of(query.data(), pointers[i], dim)).margin(1e-4));
                    REQUIRE(out[count] == -7.0f);
                };
                check(table->dot_many, reference::dot);
                check(table->l2_squared_many, reference::l2_squared);
                check(table->l1_many, reference::l1);
            }
        }
    }
}

TEST_CASE("kernels: equal vectors have distance zero exactly", "[distance]") {
    random_source random(9);
    const placed_floats a(333, 0, random);
    for (const auto* table : distance::available_kernels()) {
        CHECK(table->l2_squared(a.data(), a.data(), 333) == 0.0f);
        CHECK(table->l1(a.data(), a.data(), 333) == 0.0f);
    }
}
