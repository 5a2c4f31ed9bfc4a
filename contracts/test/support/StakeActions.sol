// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Purses} from "../../src/libraries/Purses.sol";
import {Member} from "../../src/libraries/Stakes.sol";
import {SettlementState} from "./SettlementState.sol";
import {VM} from "./Vm.sol";

/// @notice Owners who stake, rotate, top up, collect, leave and withdraw, and judges who slash, in any order.
abstract contract StakeActions is SettlementState {
    uint256 public slashes;
    uint256 public rotations;
    uint256 public withdrawals;

    function stake(uint256 seed, uint96 extraWei) external step {
        uint256 index = seed % NODES;
        if (vault.member(node(index)).owner != address(0)) return;
        uint256 amountWei = MINIMUM_WEI + clamp(extraWei, 0, 100 ether);
        cameWei += amountWei;
        stakeFor(keys[index], VALIDATOR, amountWei);
    }

    function topUp(uint256 seed, uint96 amountWei) external step {
        if (!isActive(seed % NODES)) return;
        uint256 boundedWei = clamp(amountWei, 0, 10 ether);
        fund(boundedWei);
        vault.topUp{value: boundedWei}(node(seed % NODES));
    }

    function rotate(uint256 seed) external step {
        uint256 index = seed % NODES;
        if (vault.member(node(index)).owner == address(0)) return;
        uint256 heir = 5000 + accounts.length;
        try vault.rotate(node(index), VM.addr(heir), consent(heir, address(this), VALIDATOR, 0)) {
            keys[index] = heir;
            accounts.push(VM.addr(heir));
            rotations++;
        } catch {}
    }

    /// @dev Seldom, and never the last two, or there would be no validators and no batches.
    function leave(uint256 seed) external step {
        uint256 active = 0;
        for (uint256 i = 0; i < NODES; i++) {
            if (isActive(i)) active++;
        }
        if (isActive(seed % NODES) && active > 2) vault.requestExit(node(seed % NODES));
    }

    function withdrawStake(uint256 seed) external step {
        Member memory known = vault.member(node(seed % NODES));
        try vault.withdraw(node(seed % NODES)) {
            if (known.exitAt == 0 || block.timestamp < known.exitAt || known.lockedWei > 0) scandals++;
            withdrawals++;
        } catch {}
    }

    function collect(uint256 seed) external step {
        if (vault.member(node(seed % NODES)).owner == address(0)) return;
        vault.collect(node(seed % NODES));
    }

    /// @notice A judge slashes a node by any key that a node ever had.
    function slash(uint256 seed, uint256 amountWei) external step {
        address named = accounts[seed % accounts.length];
        (, uint256 stakeWei) = vault.stakeOf(named);
        uint256 burnedWei = Purses.BURNED.balance;
        VM.prank([address(disputes), address(jury), address(ledger)][seed % 3]);
        uint256 takenWei = vault.slash(named, clamp(amountWei, 0, 12 ether), REPORTER);
        if (takenWei > stakeWei || 2 * (Purses.BURNED.balance - burnedWei) < takenWei) scandals++;
        slashes++;
    }
}
