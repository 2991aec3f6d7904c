#include <vecstore/core/published.hpp>

#include <catch2/catch.hpp>

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

namespace {

/// Counts the live instances, so that leaks and double frees show.
struct tracked {
    explicit tracked(int v, std::atomic<int>* live_count)
        : value(v), check(-v), live(live_count, [](auto* l) { --*l; }) {
        ++*live_count;
    }
    int value;
    int check;
    std::shared_ptr<std::atomic<int>> live;
};

}  // namespace

TEST_CASE("published: pin gives the newest value and keeps it alive", "[core]") {
    std::atomic<int> live{0};
    vecstore::snapshot<tracked> kept;
    {
        vecstore::published<tracked> cell;
        CHECK_FALSE(cell.pin());
        cell.publish(tracked(1, &live));
        kept = cell.pin();
        cell.publish(tracked(2, &live));
        CHECK(cell.pin()->value == 2);
        CHECK(kept->value == 1);
        CHECK(live == 2);
    }
    CHECK(live == 1);
    CHECK(kept->value == 1);
    kept = {};
    CHECK(live == 0);
}

TEST_CASE("published: many readers beside a writer see whole values and nothing leaks", "[core][threads]") {
    std::atomic<int> live{0};
    {
        vecstore::published<tracked> cell;
        cell.publish(tracked(1, &live));
        std::atomic<bool> stop{false};
        std::atomic<int> wrong{0};
        std::vector<std::thread> readers;
        for (int t = 0; t < 4; ++t)
            readers.emplace_back([&] {
                int last = 0;
                while (!stop) {
                    const auto pinned = cell.pin();
                    const auto copy = pinned;
                    if (copy->value != -copy->check || copy->value < last) ++wrong;
                    last = copy->value;
                }
            });
        for (int i = 2; i < 50'000; ++i) cell.publish(tracked(i, &live));
        stop = true;
        for (auto& reader : readers) reader.join();
        CHECK(wrong == 0);
        CHECK(live == 1);
    }
    CHECK(live == 0);
}
