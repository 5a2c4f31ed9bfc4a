// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {GOpen} from "../../src/GOpen.sol";
import {VM} from "./Vm.sol";

/// @notice Holders who wrap, unwrap, send and delegate in any order. Keeps its own books to compare with.
contract VotesHandler {
    GOpen private immutable GOPEN;
    uint256 public constant ACTORS = 4;

    uint256 public depositedWei;
    uint256 public withdrawnWei;
    /// How often somebody got what he did not have.
    uint256 public scandals;

    constructor(GOpen gOpen) {
        GOPEN = gOpen;
    }

    function actor(uint256 index) public pure returns (address) {
        return VM.addr(3000 + index % ACTORS);
    }

    function deposit(uint256 seed, uint96 amountWei, bool plainly) external {
        address holder = actor(seed);
        VM.deal(holder, holder.balance + amountWei);
        depositedWei += amountWei;
        VM.prank(holder);
        if (!plainly) return GOPEN.deposit{value: amountWei}();
        (bool taken,) = address(GOPEN).call{value: amountWei}("");
        require(taken, "a plain transfer was refused");
    }

    /// @dev Now and then of more than there is.
    function withdraw(uint256 seed, uint256 toSeed, uint256 amountWei) external {
        address holder = actor(seed);
        uint256 heldWei = GOPEN.balanceOf(holder);
        amountWei %= heldWei + heldWei / 8 + 2;
        VM.prank(holder);
        try GOPEN.withdraw(payable(actor(toSeed)), amountWei) {
            withdrawnWei += amountWei;
            if (amountWei > heldWei) scandals++;
        } catch {
            if (amountWei <= heldWei) scandals++;
        }
    }

    function transfer(uint256 seed, uint256 toSeed, uint256 amountWei) external {
        address holder = actor(seed);
        uint256 heldWei = GOPEN.balanceOf(holder);
        amountWei %= heldWei + heldWei / 8 + 2;
        VM.prank(holder);
        try GOPEN.transfer(actor(toSeed), amountWei) {
            if (amountWei > heldWei) scandals++;
        } catch {
            if (amountWei <= heldWei) scandals++;
        }
    }

    /// @dev To the zero address, too, which takes the votes back from whoever had them.
    function delegate(uint256 seed, uint256 toSeed) external {
        address to = toSeed % 5 == 0 ? address(0) : actor(toSeed);
        VM.prank(actor(seed));
        GOPEN.delegate(to);
    }

    function passTime(uint16 seconds_) external {
        VM.warp(VM.getBlockTimestamp() + seconds_);
    }
}
