#include <iostream>

// std::cout in a comment is fine, and so is a new word; "printf(" in a string as well.
const char* text = "printf(\"new int\") abort();";
struct plain {
    plain(const plain&) = delete;
    int brand(int n) { return renew(n); }
};

void noisy(int n) {
    std::cout << n << std::endl;
    if (n > 1) std::abort();
    if (n > 2) abort();
    printf("%d", n);
    auto* p = new int[3];
    delete[] p;
    srand(1);
    auto now = std::chrono::system_clock::now();
    std::unique_ptr<plain> owned(new plain);
    snprintf(buffer, 3, "%d", n);
}
