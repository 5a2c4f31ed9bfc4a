// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Bond} from "../src/libraries/Bonds.sol";
import {Purses} from "../src/libraries/Purses.sol";
import {Review, Verdict} from "../src/libraries/Reviews.sol";
import {Contribution} from "../src/types/Contribution.sol";
import {OrderHandler} from "./support/OrderHandler.sol";
import {RegistryBase} from "./support/RegistryBase.sol";
import {ReviewHandler} from "./support/ReviewHandler.sol";
import {VM} from "./support/Vm.sol";

/// @notice What holds of bonds and reviews, whatever contributors, flaggers and validators do.
contract ReviewInvariants is RegistryBase {

    ReviewHandler private _handler;
    uint256 private _datanetId;

    function setUp() public {
        deployRegistries();
        Contribution[] memory list = new Contribution[](7);
        for (uint256 i = 0; i < list.length; i++) {
            list[i] = contributionOf(address(uint160(0x10000 + i % 4)), i);
        }
        _datanetId = publish(list);
        _handler = new ReviewHandler(datanets, _datanetId, list);
        for (uint256 i = 0; i < _handler.VALIDATORS(); i++) {
            stakes.setStake(_handler.validator(i), (i + 1) * 1 ether);
        }
    }

    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(_handler);
    }

    /// @notice D1 to D4 in one campaign.
    function invariant_reviews() external view {
        _holdsBondsFlagsAndDebts();
        _moneyIsKept();
        equal(_handler.greedy(), 0, "D3 winners got more than was burned");
    }

    /// @notice The handler gets as far as both verdicts and a withdrawal.
    function test_handlerReachesVerdicts() external {
        for (uint256 i = 0; i < 4; i++) {
            _handler.bond(i, 7);
        }
        for (uint256 i = 0; i < 2; i++) {
            _handler.flag(i, 5);
            _handler.commitVote(2, i, i == 0);
            _handler.revealVotes(i);
            _handler.passTime(599);
            _handler.close(i);
            _handler.flag(1, 6);
        }
        equal(_handler.found(), 1, "found");
        equal(_handler.cleared(), 1, "cleared");
        _handler.withdraw(0);
        equal(_handler.withdrawals(), 1, "withdrawals");
        this.invariant_reviews();
    }

    /// @dev D1: the registry holds exactly the bonds, the bonds of open flags, and what it owes.
    /// D4: a bond is held by as many reviews as are open.
    function _holdsBondsFlagsAndDebts() private view {
        uint256[] memory open = new uint256[](_handler.PEOPLE());
        uint256 sumWei = 0;
        for (uint256 i = 1; i <= _handler.reviews(); i++) {
            Review memory known = datanets.review(i);
            if (known.verdict != Verdict.Open) continue;
            sumWei += known.bondWei;
            open[uint160(known.contributor) % open.length]++;
        }
        for (uint256 i = 0; i < open.length; i++) {
            Bond memory bond = datanets.bondOf(_datanetId, _handler.person(i));
            sumWei += bond.amountWei + datanets.owedWei(_handler.person(i));
            equal(bond.openReviews, open[i], "D4 open reviews");
        }
        equal(address(datanets).balance, sumWei, "D1 balance");
    }

    /// @dev D2: what came in is held, was paid out or was burned.
    function _moneyIsKept() private view {
        uint256 goneWei = _handler.paidOutWei() + Purses.BURNED.balance;
        equal(_handler.paidInWei(), address(datanets).balance + goneWei, "D2 money");
    }
}

/// @notice What holds of the job escrow, whatever requesters, workers and validators do.
contract OrderInvariants is RegistryBase {
    OrderHandler private _handler;

    function setUp() public {
        deployRegistries();
        stakes.setStake(VM.addr(1000), 1 ether);
        _handler = new OrderHandler(orders);
    }

    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(_handler);
    }

    /// @notice J1 to J4 in one campaign.
    function invariant_orders() external view {
        _keepsItsMoney();
        _paysWhoEarnedIt();
        equal(_handler.scandals(), 0, "J4 something was paid twice");
    }

    /// @notice The handler gets as far as a release of each kind, a takeover, a refund and a withdrawal.
    function test_handlerReachesTheEndOfAnOrder() external {
        uint96[] memory seeds = new uint96[](3);
        _handler.fund(0x0100, seeds, 100);
        _handler.release(0, 0, false);
        _handler.replacePayee(0x0200);
        _handler.release(0, 1, true);
        _handler.passTime(200);
        _handler.refund(0);
        for (uint256 i = 0; i < 3; i++) {
            _handler.withdraw(i);
        }
        equal(_handler.takeovers(), 1, "takeovers");
        equal(_handler.releasedWei(), 2, "released");
        equal(_handler.refundedWei(), 1, "refunded");
        equal(_handler.withdrawnWei(), 3, "withdrawn");
        this.invariant_orders();
    }

    /// @dev J1: the escrow holds exactly what orders have left and what it owes.
    /// J2: what was funded is left, was released or was refunded; and it is here until it is withdrawn.
    function _keepsItsMoney() private view {
        uint256 leftWei = 0;
        for (uint256 i = 0; i < _handler.orderCount(); i++) {
            leftWei += orders.orderOf(_handler.orderId(i)).leftWei;
        }
        uint256 owedWei = 0;
        for (uint256 i = 0; i < _handler.PEOPLE(); i++) {
            owedWei += orders.owedWei(_handler.person(i));
        }
        equal(address(orders).balance, leftWei + owedWei, "J1 balance");
        equal(_handler.fundedWei(), leftWei + _handler.releasedWei() + _handler.refundedWei(), "J2 funded");
        equal(address(orders).balance, _handler.fundedWei() - _handler.withdrawnWei(), "J2 balance");
    }

    /// @dev J3: everybody has, or is owed, what it has earned at the time.
    function _paysWhoEarnedIt() private view {
        for (uint256 i = 0; i < _handler.PEOPLE(); i++) {
            address who = _handler.person(i);
            equal(who.balance + orders.owedWei(who), _handler.earnedWei(who), "J3 earned");
        }
    }
}
